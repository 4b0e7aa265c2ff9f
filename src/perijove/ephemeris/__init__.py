"""Where the spacecraft, the Sun and the Earth are, as functions of time."""
