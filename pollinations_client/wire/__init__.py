"""What crosses the network, one module per endpoint: fields, bounds and rules, spelt as the gateway spells them."""
