"""What there is to photograph: painted worlds, painted as finely as the camera comes near."""
