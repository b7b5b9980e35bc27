"""What browsers see: the demo page, the chat widget, health and metrics."""
