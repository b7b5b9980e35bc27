"""SMS: texts over a provider's HTTP interface or an operator's link; one small file a provider."""
