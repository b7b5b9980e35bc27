"""Reports: what the house did, in figures. A figure, its words and its query stand together in `figures`."""
