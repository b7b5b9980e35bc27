"""Writing first: whom, when and what. The policy here is asked before anything leaves the house."""
