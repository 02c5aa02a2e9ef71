"""What the tools of both adapters share: arguments, texts, errors for a model, pictures by name.

Pure, but for files that are saved and read. The adapters send what is decided here.
"""
