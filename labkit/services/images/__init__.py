"""Images: BuildKit builds, what is in a built image, and containers of it, each within limits and without a network."""
