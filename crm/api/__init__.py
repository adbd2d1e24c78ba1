"""The HTTP door for sites and bots: it translates, calls one service, and translates back."""
