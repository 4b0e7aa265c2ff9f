"""Where the camera points: a spin model solved from the limb and from what the colours have in common."""
