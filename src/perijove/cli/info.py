"""`perijove info`: what strips and labels say of themselves."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from perijove.cli.common import complain, json_text, plain
from perijove.errors import PerijoveError, PerijoveWarning
from perijove.io.finder import STRIP_SUFFIXES, OpenedStrip, open_strip
from perijove.io.labels import read_label
from perijove.io.places import LABEL_SUFFIXES, members, place_exists, scan_labels
from perijove.label import Label
from perijove.raw import Reduction
from perijove.timescale import utc_from_et

UNSAID = "not in the label"
_WIDE = 10_000


def run_info(inputs: Sequence[Path], labels: Path | None, *, json: bool) -> int:
    """Print each input's facts as a table, or all of them as JSON; the exit code.

    `labels` is a folder, zip or file of labels for the strips. An input that cannot be read is told on stderr (and in
    the JSON) and does not hide the others; the code is then 1.
    """
    errors: list[dict[str, str]] = []
    products: list[dict[str, object]] = []
    for path in inputs:
        try:
            for found in _open(path, labels):
                _warn_of_unreadable(found)
                if json:
                    products.append(describe(path, found))
                else:
                    _print_table(rows(found))
        except PerijoveError as error:
            sys.stdout.flush()
            complain(error)
            errors.append({"path": str(path), "error": str(error)})
    if json:
        sys.stdout.write(json_text({"products": products, "errors": errors}))
    return 1 if errors else 0


def _open(path: Path, labels: Path | None) -> Iterator[Label | OpenedStrip]:
    """What a path holds: one label, one strip, or all labels of a folder or zip that has no strip."""
    if path.suffix.lower() in LABEL_SUFFIXES:
        yield read_label(path)
    elif place_exists(path) and not any(m.path.suffix.lower() in STRIP_SUFFIXES for m in members(path)):
        scan = scan_labels([path])
        for sentence in scan.unreadable:
            warnings.warn(sentence, PerijoveWarning, stacklevel=2)
        if not scan.labels:
            raise PerijoveError(f"{path} holds neither strip nor label: name the ImageSet, the DataSet or a file in it")
        yield from sorted(scan.labels, key=lambda label: (label.start_et, label.product_id))
    else:
        yield open_strip(path, labels)


def _warn_of_unreadable(found: Label | OpenedStrip) -> None:
    """Warn of each file beside a strip that was meant as a label."""
    if isinstance(found, OpenedStrip):
        for sentence in found.unreadable:
            warnings.warn(sentence, PerijoveWarning, stacklevel=2)


def describe(path: Path, found: Label | OpenedStrip) -> dict[str, object]:
    """The facts of one label or strip for JSON, as docs/report.md lists them; None where the label does not say."""
    label = found.raw.label if isinstance(found, OpenedStrip) else found
    facts: dict[str, object] = {
        "path": str(path),
        "kind": "strip" if isinstance(found, OpenedStrip) else "label",
        "product_id": label.product_id,
        "file_name": label.file_name,
        "target": label.target,
        "perijove": label.perijove,
        "title": label.title,
        "rationale": label.rationale,
        "simulated": label.simulated,
        "reduced": label.reduced,
        "start_utc": label.start_utc,
        "middle_utc": _middle_utc(label),
        "stop_utc": label.stop_utc,
        "filters": [str(band) for band in label.filters],
        "frames": label.frames,
        "lines": label.lines,
        "samples": label.samples,
        "sampling_factor": label.sampling_factor,
        "interframe_delay_s": label.interframe_delay_s,
        "exposure_s": label.exposure_s,
        "tdi_stages": label.tdi_stages,
        "bit_mode": label.bit_mode,
        "compression": label.compression,
        "sub_spacecraft": {
            "latitude_planetographic_deg": _degrees(label.latitude_graphic),
            "longitude_west_deg": _degrees(label.longitude_west),
            "altitude_km": label.altitude_km,
        },
        "sun_distance_km": label.sun_distance_km,
        "label": None if label.path is None else str(label.path),
    }
    if isinstance(found, OpenedStrip):
        height, width = found.raw.codes.shape
        strip = {"path": str(found.raw.path), "width": width, "height": height, "sha256": found.raw.sha256}
        facts["strip"] = {**strip, "reduction": _reduction(found.raw.reduction)}
        facts["pass_labels"] = {
            "product_ids": [other.product_id for other in found.pass_labels],
            "unreadable": list(found.unreadable),
        }
    return facts


def rows(found: Label | OpenedStrip) -> list[tuple[str, str]]:
    """The facts of one label or strip as names and texts for people."""
    label = found.raw.label if isinstance(found, OpenedStrip) else found
    summed = "" if label.sampling_factor == 1 else f", pixels summed {label.sampling_factor} x {label.sampling_factor}"
    table = [
        ("product", label.product_id),
        ("target", label.target.title()),
        ("perijove", UNSAID if label.perijove is None else str(label.perijove)),
        ("title", label.title or UNSAID),
        ("start", f"{label.start_utc} UTC"),
        ("stop", UNSAID if label.stop_utc is None else f"{label.stop_utc} UTC"),
        ("filters", ", ".join(band.lower() for band in label.filters)),
        ("frames", _frames(label)),
        ("size", f"{label.samples} x {label.lines} px{summed}"),
        *([("product kind", "reduced (RDR), 16-bit samples")] if label.reduced else []),
        ("exposure", _milliseconds(label.exposure_s)),
        ("TDI stages", UNSAID if label.tdi_stages is None else str(label.tdi_stages)),
        ("bit mode", label.bit_mode),
        ("compression", label.compression or UNSAID),
        *_position(label),
        ("label", UNSAID if label.path is None else str(label.path)),
    ]
    if label.simulated:
        table.insert(1, ("simulated", "yes: this is no picture of the mission"))
    if isinstance(found, OpenedStrip):
        others = len(found.pass_labels)
        table += [
            ("strip", str(found.raw.path)),
            ("SHA-256", found.raw.sha256),
            *_reduction_row(found.raw.reduction),
            ("same pass", f"{others} other label{'' if others == 1 else 's'} found"),
        ]
    return table


def _reduction(found: Reduction | None) -> dict[str, object] | None:
    """How a reduced strip's codes were found, for JSON; None for a raw strip."""
    if found is None:
        return None
    return {
        "scale": {band.value: value for band, value in found.scale.items()},
        "exact": sorted(band.value for band in found.exact),
    }


def _reduction_row(found: Reduction | None) -> list[tuple[str, str]]:
    """The same for people."""
    if found is None:
        return []
    text = ", ".join(f"{band.value.lower()} {value:.4f}" for band, value in found.scale.items())
    how = "every code read back exactly" if found.whole else "taken at face value in part: codes are the nearest"
    return [("samples a DN", f"{text}; {how}")]


def _position(label: Label) -> list[tuple[str, str]]:
    """Where the spacecraft was at the middle of the image, its kinds of coordinates named."""
    system = " System III" if label.target == "JUPITER" else ""
    latitude, longitude = _degrees(label.latitude_graphic), _degrees(label.longitude_west)
    middle = _middle_utc(label)
    return [
        ("mid-image", UNSAID if middle is None else f"{middle} UTC"),
        ("latitude", UNSAID if latitude is None else f"{latitude:.4f} deg planetographic"),
        ("longitude", UNSAID if longitude is None else f"{longitude:.4f} deg west{system}"),
        ("altitude", UNSAID if label.altitude_km is None else f"{label.altitude_km:.1f} km"),
    ]


def _frames(label: Label) -> str:
    cut = label.lines % (label.framelet_lines * len(label.filters)) != 0
    delay = "" if label.interframe_delay_s is None else f", {label.interframe_delay_s:g} s apart"
    return f"{label.frames}{delay}{', the last one cut short' if cut else ''}"


def _milliseconds(seconds: float | None) -> str:
    return UNSAID if seconds is None else f"{seconds * 1e3:g} ms"


def _degrees(angle: float | None) -> float | None:
    """An angle in degrees, without the digits that the conversion to radians and back adds."""
    return None if angle is None else round(math.degrees(angle), 9)


def _middle_utc(label: Label) -> str | None:
    """UTC of the middle of the image, at which the position holds; None where the label does not fix it."""
    middle = label.image_middle_et
    return utc_from_et(middle) if math.isfinite(middle) else None


def _print_table(table: Sequence[tuple[str, str]]) -> None:
    """Print names and texts in two columns; lines are folded only on a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in table:
        grid.add_row(name, Text(plain(text)))
    console = Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)
    console.print(grid)
    console.print()
