"""Real places of Ganymede, as numbers: where its named craters, lanes and dark regions lie.

Names, latitudes, east longitudes (deg) and diameters (km): IAU/USGS Gazetteer of Planetary Nomenclature. How fresh a
crater is, whether it has rays, the bearings and widths of lanes and the outlines of the dark regions are rough
readings of published maps, good enough for a world that only has to look right.
"""

from __future__ import annotations

KITTU = ("Kittu", 0.4, 25.4, 15.0)
"""The crater with dark rays that Juno photographed in June 2021: name, latitude, east longitude, diameter."""

RAYED = (
    # name, latitude, east longitude, diameter km, reach of its rays in radii
    ("Tros", 11.1, 332.7, 93.9, 13.0),
    ("Cisti", -31.7, 295.8, 69.6, 12.0),
    ("Shu", 43.2, 3.2, 44.1, 20.0),
    ("Min", 29.2, 358.8, 33.1, 11.0),
    ("Enkidu", -26.6, 34.8, 121.1, 6.0),
    ("Ta-urt", 27.6, 55.9, 94.4, 6.0),
    ("Osiris", -38.1, 193.6, 107.7, 14.0),
    ("Punt", -24.9, 120.1, 135.0, 6.0),
    ("Tashmetum", -39.7, 95.5, 135.0, 7.0),
    ("Sin", 52.9, 2.5, 19.0, 14.0),
)
"""Craters with bright rays."""

CRATERS = (
    # name, latitude, east longitude, diameter km, freshness 0..1
    ("Isimu", 8.4, 0.0, 89.5, 0.35),
    ("Neith", 29.4, 353.0, 87.6, 0.45),
    ("Sati", 30.9, 347.2, 94.7, 0.4),
    ("Misharu", -4.4, 24.1, 88.0, 0.2),
    ("Ishkur", 0.3, 351.6, 67.6, 0.45),
    ("Danel", -4.3, 338.7, 55.2, 0.6),
    ("Ammura", 31.7, 17.6, 61.5, 0.5),
    ("Ba'al", 24.9, 30.1, 43.2, 0.5),
    ("Mor", 30.5, 32.6, 41.3, 0.6),
    ("Diment", 23.1, 8.2, 40.4, 0.6),
    ("Saltu", -14.2, 7.3, 40.0, 0.7),
    ("Seker", -39.2, 14.5, 103.4, 0.35),
    ("Khumbam", -24.1, 24.6, 56.9, 0.6),
    ("Nabu", -45.4, 358.8, 40.0, 0.6),
    ("Nefertum", 44.3, 38.9, 28.7, 0.7),
    ("Upuant", 46.4, 40.5, 16.5, 0.7),
    ("Mont", 44.6, 48.1, 15.0, 0.7),
    ("Ruti", 13.2, 51.4, 16.0, 0.7),
    ("Haroeris", 28.5, 63.2, 70.0, 0.5),
    ("Adad", 57.5, 1.9, 39.0, 0.6),
    ("Sebek", 61.2, 3.1, 65.0, 0.5),
    ("Asshur", 54.2, 26.5, 25.6, 0.6),
    ("Enlil", 55.3, 47.8, 34.4, 0.5),
    ("Achelous", 61.8, 348.3, 40.0, 0.75),
    ("Gula", 64.1, 347.7, 38.0, 0.75),
    ("Sapas", 57.4, 326.1, 56.0, 0.5),
    ("Zaqar", 58.2, 322.7, 33.0, 0.6),
    ("Tanit", 57.5, 323.4, 26.0, 0.6),
    ("Bau", 23.0, 311.3, 80.2, 0.5),
    ("Nah-Hunte", -17.8, 274.8, 49.4, 0.6),
    ("Irkalla", -32.6, 245.3, 116.2, 0.4),
    ("Gilgamesh", -62.8, 235.0, 153.0, 0.6),
    ("Melkart", -9.9, 173.8, 105.0, 0.6),
    ("Eshmun", -17.4, 167.9, 96.5, 0.55),
    ("Khensu", 1.0, 207.1, 14.2, 0.75),
    ("El", 1.0, 208.6, 54.3, 0.55),
)
"""Craters without rays."""

PALIMPSESTS = (
    # name, latitude, east longitude, diameter km
    ("Memphis Facula", 14.1, 228.1, 361.0),
    ("Busiris Facula", 15.7, 144.6, 369.0),
    ("Thebes Facula", 7.1, 157.6, 360.0),
    ("Epigeus", 23.4, 179.4, 343.0),
    ("Coptos Facula", 9.9, 150.8, 329.0),
    ("Buto Facula", 13.2, 156.5, 245.0),
    ("Bigeh Facula", 29.0, 265.7, 224.0),
    ("Siwah Facula", 7.0, 216.9, 220.0),
    ("Nidaba", 17.7, 236.8, 199.4),
    ("Edfu Facula", 25.7, 212.9, 184.0),
    ("Abydos Facula", 33.4, 206.6, 180.0),
    ("Selket", 15.0, 254.2, 172.3),
    ("Zakar", 31.2, 26.3, 170.0),
    ("Serapis", -12.5, 315.9, 169.3),
    ("Damkina", -30.0, 355.0, 180.0),
)
"""Bright ghosts of old craters."""

CHAINS = (
    # name, latitude, east longitude, length km, bearing deg, craters, brightness of their ejecta
    ("Enki Catena", 38.8, 346.4, 161.3, 65.0, 13, 0.8),
    ("Nanshe Catena", 15.4, 7.1, 103.8, 80.0, 9, 0.75),
    ("Khnum Catena", 32.9, 10.9, 66.0, 40.0, 8, 0.4),
)
"""Rows of craters, left by the pieces of one comet."""

DARK_REGIONS = (
    # latitude, east longitude, half axes km (along the bearing, across), bearing deg of the first axis
    (38.0, 226.0, 1600.0, 1450.0, 90.0),  # Galileo Regio
    (-9.0, 185.0, 520.0, 420.0, 140.0),  # Marius Regio, in pieces
    (-13.0, 209.0, 380.0, 280.0, 120.0),
    (36.0, 167.0, 520.0, 420.0, 30.0),
    (37.0, 321.0, 600.0, 520.0, 90.0),  # Perrine Regio, on both sides of Phrygia Sulcus
    (17.0, 302.0, 660.0, 330.0, 95.0),
    (42.0, 354.0, 520.0, 160.0, 80.0),
    (30.0, 356.0, 560.0, 260.0, 90.0),
    (5.0, 0.0, 520.0, 260.0, 80.0),
    (-22.0, 338.0, 620.0, 320.0, 70.0),  # Barnard Regio
    (-42.0, 325.0, 520.0, 330.0, 100.0),
    (-24.0, 22.0, 1000.0, 560.0, 75.0),  # Nicholson Regio
    (-11.0, 88.0, 1150.0, 900.0, 30.0),
    (19.0, 47.0, 480.0, 280.0, 60.0),
    (32.0, 101.0, 460.0, 170.0, 80.0),
    (60.0, 138.0, 620.0, 220.0, 110.0),
    (-57.0, 50.0, 420.0, 280.0, 30.0),
    (-33.0, 150.0, 520.0, 200.0, 80.0),
)
"""Where dark ground prevails."""

LANES = (
    # name, latitude, east longitude, bearing deg, half length km, half width km
    ("Phrygia Sulcus", 25.0, 309.0, 104.0, 1100.0, 55.0),
    ("Sicyon Sulcus", 32.7, 341.5, 65.0, 900.0, 90.0),
    ("Nineveh Sulcus", 23.5, 289.0, 20.0, 850.0, 110.0),
    ("Xibalba Sulcus", 43.8, 288.9, 40.0, 1100.0, 120.0),
    ("Mysia Sulci", -7.0, 352.1, 70.0, 1300.0, 100.0),
    ("Dardanus Sulcus", -46.9, 342.5, 65.0, 1400.0, 70.0),
    ("Arbela Sulcus", -21.1, 10.2, 30.0, 900.0, 16.0),
    ("Harpagia Sulcus", -11.7, 41.3, 115.0, 900.0, 70.0),
    ("Nun Sulci", 49.5, 43.6, 60.0, 750.0, 90.0),
    ("Aquarius Sulcus", 52.4, 356.1, 75.0, 700.0, 80.0),
    ("Uruk Sulcus", 0.8, 199.7, 135.0, 1200.0, 150.0),
    ("Lagash Sulcus", -10.9, 196.8, 60.0, 780.0, 50.0),
    ("Tiamat Sulcus", 3.4, 151.5, 150.0, 660.0, 45.0),
    ("Anshar Sulcus", 18.0, 162.1, 60.0, 690.0, 60.0),
    ("Mashu Sulcus", 29.8, 154.3, 110.0, 1400.0, 80.0),
    ("Philus Sulcus", 44.1, 150.5, 30.0, 300.0, 40.0),
    ("Erech Sulcus", -7.3, 180.8, 60.0, 480.0, 45.0),
    ("Larsa Sulcus", 3.8, 111.3, 45.0, 500.0, 25.0),
    ("Umma Sulcus", 4.1, 110.0, 140.0, 640.0, 30.0),
)
"""Lanes of grooved bright ground."""
