"""Our own icons: 24-pixel stroke paths, drawn inline so that they take the text colour."""

from functools import cache

from django.utils.html import format_html
from django.utils.safestring import SafeString


class UnknownIcon(LookupError):
    """No icon has this name."""


# One path a name; a dot is a zero-length stroke with round caps.
PATHS = {
    "alert": "M12 4 2.8 19.5h18.4zM12 10.5v4M12 17.2v.1",
    "arrow-down": "M12 5v14M6.5 13.5 12 19l5.5-5.5",
    "arrow-right": "M5 12h14M13.5 6.5 19 12l-5.5 5.5",
    "arrow-up": "M12 19V5M6.5 10.5 12 5l5.5 5.5",
    "bell": "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4",
    "book": "M5 4.5h11a3 3 0 0 1 3 3v12H8a3 3 0 0 1-3-3zM5 16.5a3 3 0 0 1 3-3h11",
    "box": "M4 8l8-4 8 4v8.5l-8 4-8-4zM4 8l8 4 8-4M12 12v8.5",
    "building": "M5 20.5v-16h9v16M14 9.5h5v11M3 20.5h18M8 8.5h3M8 12.5h3M8 16.5h3",
    "calendar": "M4.5 6.5h15v13h-15zM4.5 10.5h15M8.5 4v4M15.5 4v4",
    "check": "M5 12.5 10 17.5 19.5 7",
    "chevron": "M9 5.5 15.5 12 9 18.5",
    "chip": "M7.5 7.5h9v9h-9zM10 7.5V4M14 7.5V4M10 20v-3.5M14 20v-3.5M7.5 10H4M7.5 14H4M20 10h-3.5"
    "M20 14h-3.5",
    "clock": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2",
    "close": "M6 6l12 12M18 6 6 18",
    "coins": "M9 4.5c3 0 5.5 1.1 5.5 2.5S12 9.5 9 9.5 3.5 8.4 3.5 7 6 4.5 9 4.5zM3.5 7v5"
    "c0 1.4 2.5 2.5 5.5 2.5M14.5 7v2.5M15 10c3 0 5.5 1.1 5.5 2.5S18 15 15 15"
    "s-5.5-1.1-5.5-2.5S12 10 15 10zM9.5 12.5v5c0 1.4 2.5 2.5 5.5 2.5s5.5-1.1"
    " 5.5-2.5v-5",
    "columns": "M4 5h16v14H4zM9.3 5v14M14.7 5v14",
    "copy": "M9 9h10.5v10.5H9zM5.5 15H4.5V4.5H15v1",
    "download": "M12 4v11M7 10.5l5 5 5-5M5 19.5h14",
    "external": "M13.5 5H19v5.5M19 5l-8 8M10.5 6.5H5V19h12.5v-5.5",
    "eye": "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12z"
    "M12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z",
    "file": "M6 3.5h8l4.5 4.5v12.5H6zM13.5 3.5V8.5h5M9 13h6.5M9 16.5h6.5",
    "filter": "M4 6.5h16M7 12h10M10 17.5h4",
    "flag": "M5.5 21V4h13l-3 4.5 3 4.5h-13",
    "gear": "M12 8.8a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4zM12 3v3M12 18v3M3 12h3"
    "M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M18.4 5.6l-2.2 2.2"
    "M7.8 16.2l-2.2 2.2",
    "gift": "M4 8.5h16v4H4zM5.5 12.5v7.5h13v-7.5M12 8.5V20M12 8.5C9 8.5 7 7 7.5 5.3"
    "S11 4 12 8.5c1-4.5 4-5 4.5-3.2S15 8.5 12 8.5z",
    "heart": "M3 12h4l2.5-6 4.5 12 2.5-6H21",
    "home": "M4 11 12 4.5l8 6.5M6 9.5v10h12v-10M10 19.5v-5h4v5",
    "info": "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 11v5.5M12 7.6v.1",
    "key": "M8 11.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 12.7 19.5 4M15.5 8l3 3",
    "keyboard": "M3 6.5h18v11H3zM6.5 10v.1M10 10v.1M13.9 10v.1M17.5 10v.1M7.5 14h9",
    "language": "M3.5 6.5h9M8 4.5v2M10.8 6.5c-.8 3.4-3.3 6-6.8 7.4M5.5 8.8c1.2 2.3 3 4 5.5 5.1"
    "M11.5 20l4.3-10 4.3 10M13 16.8h5.6",
    "list": "M4.5 6.5h15M4.5 12h15M4.5 17.5h9",
    "lock": "M5.5 10.5h13v9.5h-13zM8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5M12 14v2.5",
    "menu": "M4 6.5h16M4 12h16M4 17.5h16",
    "moon": "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
    "more": "M5 11.5h1v1H5zM11.5 11.5h1v1h-1zM18 11.5h1v1h-1z",
    "people": "M9 5a3.3 3.3 0 1 0 0 6.6A3.3 3.3 0 0 0 9 5zM3 19.5c0-3.3 2.7-5 6-5s6 1.7 6 5"
    "M15.5 5.2a3.3 3.3 0 0 1 0 6.2M17.5 14.9c2.1.7 3.5 2.3 3.5 4.6",
    "plus": "M12 5v14M5 12h14",
    "printer": "M7 8.5V4h10v4.5M7 16.5H4v-8h16v8h-3M7 13.5h10V20H7z",
    "refresh": "M19.5 12a7.5 7.5 0 1 1-2.3-5.4L19.5 9M19.5 4.5V9H15",
    "scale": "M12 4v16M7.5 20h9M5 7h14M5 7l-2.5 6.5h5zM19 7l-2.5 6.5h5z",
    "scan": "M4 8.5V4.5h4M16 4.5h4v4M20 15.5v4h-4M8 19.5H4v-4M4 12h16",
    "search": "M11 4.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.8 15.8 20 20",
    "shield": "M12 3.5 19 6v5.5c0 4.3-2.8 7.3-7 9-4.2-1.7-7-4.7-7-9V6z",
    "sign-out": "M14 4.5H5v15h9M10 12h10M16.5 8.5 20 12l-3.5 3.5",
    "sun": "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2"
    "M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
    "terminal": "M7 3h10v18H7zM9.5 6h5v3.5h-5zM9.5 13v.1M12 13v.1M14.5 13v.1M9.5 17v.1M12 17v.1"
    "M14.5 17v.1",
    "upload": "M12 16V5M7 9.5l5-5 5 5M5 19.5h14",
    "wrench": "M20 6.5a5 5 0 0 1-6.7 6L7 18.8a1.9 1.9 0 0 1-2.7-2.7l6.2-6.3a5 5 0 0 1 6-6.7"
    "l-2.9 3 .6 2.8 2.8.6z",
}


@cache
def icon_svg(name: str, label: str = "") -> SafeString:
    """Draw an icon; with a ``label`` it is announced, without one it is decoration.

    :raises UnknownIcon: if the name is not in ``PATHS``
    """
    if name not in PATHS:
        raise UnknownIcon(name)
    heard = (
        format_html('role="img" aria-label="{}"', label)
        if label
        else SafeString('aria-hidden="true"')
    )
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" width="18" height="18" {}><path d="{}"/></svg>',
        heard,
        PATHS[name],
    )
