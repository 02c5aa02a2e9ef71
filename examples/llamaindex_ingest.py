"""Embed a folder of texts in one process with LlamaIndex, resumable after any end.

    python examples/llamaindex_ingest.py documents index

Documents go through the pipeline in windows. After each of them the docstore, the cache and the
index are written to a new folder that then takes the old one's place: a kill -9 costs one window.
Unchanged documents are not embedded again. Beyond some ten thousand documents take stores that
write for themselves, such as Chroma and Postgres, for these are written whole each time.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from llama_index.core import (
    Document,
    SimpleDirectoryReader,
    StorageContext,
    VectorStoreIndex,
    load_index_from_storage,
)
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.storage.docstore import SimpleDocumentStore

from llamaindex_pollinations import PollinationsEmbedding


class Ingestion:
    """A pipeline and an index that live in one folder."""

    def __init__(self, folder: Path, embed_model: BaseEmbedding) -> None:
        self.folder, self.embed_model = folder, embed_model
        self.pipeline = IngestionPipeline(
            transformations=[SentenceSplitter(), embed_model],
            docstore=SimpleDocumentStore(),
            docstore_strategy=DocstoreStrategy.DUPLICATES_ONLY,
        )
        if (folder / "index").exists():
            self.pipeline.load(str(folder / "pipeline"))
            storage = StorageContext.from_defaults(persist_dir=str(folder / "index"))
            self.index = load_index_from_storage(storage, embed_model=embed_model)
        else:
            self.index = VectorStoreIndex([], embed_model=embed_model)

    def add(self, documents: Sequence[Document]) -> int:
        """Embed those that are new, and write everything down. Returns how many nodes came."""
        nodes = self.pipeline.run(documents=list(documents))
        if nodes:
            changed = {node.ref_doc_id for node in nodes} & self.index.ref_doc_info.keys()
            for document_id in changed:
                self.index.delete_ref_doc(document_id, delete_from_docstore=True)
            self.index.insert_nodes(list(nodes))
            self._save()
        return len(nodes)

    def _save(self) -> None:
        """Write to a new folder, then swap: a reader never meets half a file."""
        new, old = self.folder.with_suffix(".new"), self.folder.with_suffix(".old")
        shutil.rmtree(new, ignore_errors=True)
        self.pipeline.persist(str(new / "pipeline"))
        self.index.storage_context.persist(str(new / "index"))
        shutil.rmtree(old, ignore_errors=True)
        if self.folder.exists():
            self.folder.rename(old)
        new.rename(self.folder)


def recover(folder: Path) -> None:
    """Finish a swap that a crash interrupted between its two renames."""
    old = folder.with_suffix(".old")
    if old.exists() and not folder.exists():
        old.rename(folder)


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="openai/text-embedding-3-small")
    parser.add_argument("--window", type=int, default=256, help="documents between two saves")
    options = parser.parse_args(argv)
    documents = SimpleDirectoryReader(
        str(options.documents), filename_as_id=True, recursive=True
    ).load_data()
    recover(options.folder)
    # A wrong key or a spent balance ends the calls that follow, unsent.
    embed_model = PollinationsEmbedding(options.model, max_retries=8, refusal_memory_s=60)
    ingestion = Ingestion(options.folder, embed_model)
    for start in range(0, len(documents), options.window):
        count = ingestion.add(documents[start : start + options.window])
        print(f"{start + options.window} of {len(documents)}: {count} new nodes", flush=True)


if __name__ == "__main__":
    main()
