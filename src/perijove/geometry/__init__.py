"""Rays, ellipsoids, rotations and views: functions of plain arrays and nothing else.

The conventions of the whole package, written once:

- angles are radians inside; degrees at the command line, in files and in reports;
- lengths are km, times seconds; an epoch is ET, that is TDB seconds past J2000; UTC only at the edge;
- latitude is planetocentric and longitude east-positive inside; a file says which kind it holds;
- a pixel coordinate is (line, sample), 0-based, and the *centre* of element i lies at i + 0.5;
- vectors are arrays whose last axis is 3; `a_from_b` is the rotation matrix that takes components in frame b
  to components in frame a, so that ``v_a = a_from_b @ v_b``;
- `j2000` is the inertial frame (axes of the ICRF, centred on the target body unless said otherwise), `body` the
  rotating, body-fixed frame of the IAU, `camera` the camera's (+Z boresight, +X along samples, +Y down the lines);
- geometry is float64, light is float32, and NaN means "no data"; a ray that misses gives NaN, never an exception.
"""
