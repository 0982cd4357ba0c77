"""JavaScript and TypeScript source: clients, checkouts, session state."""
