"""Python source: clients, checkouts, session state."""
