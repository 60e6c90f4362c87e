"""Draw a model's graph with matplotlib, on a figure that is as large as the drawing needs."""

from __future__ import annotations

import io
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import networkx as nx
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from gibbsfactor.drawing.edges import LOOP, add_edge
from gibbsfactor.drawing.layout import fit_given, place
from gibbsfactor.drawing.scene import check_known, graph_of, make_scene, with_sepsets
from gibbsfactor.drawing.shapes import FONT, TEXT_COLOUR, Shape, shapes, text_size
from gibbsfactor.drawing.units import Placement, Positions
from gibbsfactor.files import replacing

Node = Hashable
Kind = Literal["directed", "induced", "moral", "factor", "junction"]

_SUFFIXES = (".png", ".svg", ".pdf")
_DPI = 144.0
_MARGIN = 10.0  # points around the drawing
_MOST_INCHES = 40.0  # a side of the figure; larger drawings are scaled down to it
_TITLE = 12.0  # points
_HALF_LETTER = 0.36  # of the font's size: from the baseline to the middle of a letter
_LINE_STEP = 1.17  # of the font's size: from baseline to baseline


def draw(
    graph_or_model: Any,
    kind: Kind | None = None,
    *,
    observed: Mapping[str, object] | Iterable[str] | None = None,
    layout: str | Mapping[Any, Sequence[float]] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    labels: Mapping[Any, str] | None = None,
    path: str | Path | None = None,
    seed: int = 0,
) -> Axes:
    """Draw the graph of a model: circles for variables, squares for factors, boxes for cliques.

    Parameters
    ----------
    graph_or_model : networkx graph or model
        A graph from `gibbsfactor.graphs`, any other networkx graph (directed edges become
        arrows), or an object with the method that ``kind`` asks for.
    kind : {"directed", "induced", "moral", "factor", "junction"}, optional
        Which graph of a model to draw: that of its method ``graph``, ``induced_graph``,
        ``moral_graph``, ``factor_graph`` or ``junction_tree``. Unless given, "directed" for a
        Bayesian network and "induced" for other models. A graph is drawn as what it is.
    observed : mapping {name: state}, or names, optional
        Variables to shade, besides those that the graph has marked.
    layout : str or mapping {node: (x, y)}, optional
        "layered", "chain", "grid", "cycle", "tree", "radial" or "force", or positions, which are
        scaled until no nodes overlap. Unless given, each connected part gets the one that fits:
        layers from the top down where the edges are directed and have no cycle.
    ax : matplotlib Axes, optional
        Where to draw; otherwise on a figure of its own, as large as the drawing needs.
    title : str, optional
    labels : mapping {node: label}, optional
        Instead of the names, for the nodes in it. Factors are the nodes 0, 1, ... and have a
        label only here; an empty label leaves a node bare.
    path : str or Path, optional
        Save the picture there too, as .png, .svg or .pdf.
    seed : int
        For the layout "force"; the same seed gives the same picture.

    Returns
    -------
    matplotlib Axes
        In a notebook it shows as the picture when it is the last line of a cell;
        ``draw(...).figure`` is the figure, to save or embed. The figure is not pyplot's: it
        needs no closing, and ``plt.show()`` does not know it. For a window, give
        ``ax=plt.gca()``.

    Raises
    ------
    TypeError
        If the object is neither a graph nor a model.
    ValueError
        If the kind, layout, suffix or a name is unknown, or there are more than 1000 nodes.

    Examples
    --------
    >>> import networkx as nx
    >>> ax = draw(nx.Graph([("A", "B"), ("B", "C")]), observed={"C": 1})
    >>> [text.get_text() for text in ax.texts]
    ['A', 'B', 'C\\n= 1']
    """
    target = None if path is None else checked_path(path)
    graph = make_scene(graph_of(graph_or_model, kind), observed)
    if labels is not None:
        check_known(labels, graph, "labels")
    boxes = shapes(graph, labels)
    sizes = {v: (box.width, box.height) for v, box in boxes.items()}
    if isinstance(layout, Mapping):
        placed = Placement(fit_given(with_sepsets(layout, graph), list(graph), sizes))
    else:
        placed = place(graph, with_loops(graph, sizes), layout, seed)
    if ax is None:
        ax = _new_axes(placed, sizes, title)
    paint(ax, graph, boxes, placed)
    if title is not None:
        ax.set_title(title, fontsize=_TITLE, color=TEXT_COLOUR, parse_math=False)
    if target is not None:
        figure = ax.get_figure(root=True)
        assert figure is not None
        save_figure(figure, target)
    return ax


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure in the format that its path ends in; aside, and then moved into place."""
    with replacing(path) as file:
        figure.savefig(file, format=Path(path).suffix[1:].lower())


def checked_path(path: str | Path) -> Path:
    """Where a picture goes; raises unless its ending is a format that there is."""
    target = Path(path)
    if target.suffix.lower() not in _SUFFIXES:
        raise ValueError(
            f"can't save a picture as {str(path)!r}; end the path in one of {', '.join(_SUFFIXES)}"
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(f"can't save {target}: there is no folder {target.parent}")
    return target


def with_loops(graph: nx.Graph[Any], sizes: Mapping[Node, tuple[float, float]]) -> dict[Any, Any]:
    """Sizes with room around the nodes that have an edge to themselves."""
    loops = set(nx.nodes_with_selfloops(graph))
    room = 2 * LOOP
    return {v: (w + room, h + room) if v in loops else (w, h) for v, (w, h) in sizes.items()}


# ---- the figure -----------------------------------------------------------------------


class GraphAxes(Axes):
    """Axes that show as their picture in a notebook, without pyplot."""

    def _repr_png_(self) -> bytes:
        figure = self.get_figure(root=True)
        assert figure is not None
        stream = io.BytesIO()
        figure.savefig(stream, format="png")
        return stream.getvalue()


class ScaledText(Text):
    """Text whose height is in the units of the axes, so that it fits its box at any size."""

    def __init__(self, *args: Any, height: float, **kwargs: Any) -> None:
        self._height = height
        super().__init__(*args, fontsize=height, **kwargs)

    def _rescale(self) -> None:
        figure = self.get_figure(root=True)
        if figure is None or self.axes is None:
            return
        (_, low), (_, high) = self.axes.transData.transform([(0, 0), (0, 1)])
        size = max(self._height * abs(high - low) * 72 / figure.dpi, 0.1)
        if abs(size - self.get_fontsize()) > 1e-3 * size:
            self.set_fontsize(size)

    def draw(self, renderer: RendererBase) -> None:  # noqa: D102 - matplotlib's own
        self._rescale()
        super().draw(renderer)

    def get_window_extent(  # noqa: D102
        self, renderer: RendererBase | None = None, dpi: float | None = None
    ) -> Bbox:
        self._rescale()
        return super().get_window_extent(renderer, dpi)


def _new_axes(
    placed: Placement, sizes: Mapping[Node, tuple[float, float]], title: str | None
) -> Axes:
    """Axes over the whole of a figure of the drawing's size, save a strip for the title."""
    left, bottom, right, top = frame(placed, sizes)
    above = 0.0
    width, height = right - left, top - bottom
    if title is not None:
        title_width, title_height = text_size(title, _TITLE)
        above = title_height + 10
        width = max(width, title_width + 2 * _MARGIN)
    shrink = min(1.0, _MOST_INCHES * 72 / max(width, height + above))
    size = (width * shrink / 72, (height * shrink + above) / 72)
    figure = Figure(figsize=size, dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    share = height * shrink / (height * shrink + above)
    ax = GraphAxes(figure, (0.0, 0.0, 1.0, share))
    figure.add_axes(ax)
    return ax


def frame(
    placed: Placement, sizes: Mapping[Node, tuple[float, float]]
) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of a drawing with its margin."""
    if not placed.positions:
        return 0.0, 0.0, 120.0, 40.0
    left, bottom, right, top = placed.bounds(sizes)
    return left - _MARGIN, bottom - _MARGIN, right + _MARGIN, top + _MARGIN


def paint(ax: Axes, graph: nx.Graph[Any], boxes: Mapping[Node, Shape], placed: Placement) -> None:
    """Add a graph to the axes, whose limits become its frame."""
    sizes = with_loops(graph, {v: (box.width, box.height) for v, box in boxes.items()})
    left, bottom, right, top = frame(placed, sizes)
    ax.set_axis_off()
    ax.set_aspect("equal")
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    if not placed.positions:
        ax.text(60, 20, "empty graph", ha="center", va="center", color=TEXT_COLOUR, fontsize=FONT)
    for u, v in graph.edges:
        both = graph.is_directed() and u != v and graph.has_edge(v, u)
        add_edge(
            ax,
            u,
            v,
            boxes,
            placed.positions,
            away=_freest(v, graph, placed.positions) if u == v else 0.0,
            directed=graph.is_directed(),
            bent=both,
            route=placed.routes.get((u, v)),
        )
    for i, (v, box) in enumerate(boxes.items()):
        _add_node(ax, box, placed.positions[v], f"node-{i}")


def _freest(node: Node, graph: nx.Graph[Any], placed: Positions) -> float:
    """The middle of the widest angle at a node that no edge runs into; up, if it has none."""
    x, y = placed[node]
    others = {v for v in nx.all_neighbors(graph, node) if v != node}
    angles = sorted(math.atan2(placed[v][1] - y, placed[v][0] - x) for v in others)
    if not angles:
        return math.pi / 2
    following = [*angles[1:], angles[0] + 2 * math.pi]
    wide, start = max((b - a, a) for a, b in zip(angles, following, strict=True))
    return start + wide / 2


def _add_node(ax: Axes, box: Shape, centre: tuple[float, float], gid: str) -> None:
    x, y = centre
    outline = PathPatch(
        box.outline_path(x, y),
        facecolor=box.fill,
        edgecolor=box.outline,
        linewidth=1.2,
        zorder=2,
        gid=gid,
    )
    ax.add_patch(outline)
    if box.label:
        later_lines = box.label.count("\n")
        label = ScaledText(
            x,
            y - box.font * (_LINE_STEP * later_lines / 2 + _HALF_LETTER),
            box.label,
            height=box.font,
            color=box.text,
            ha="center",
            va="baseline",  # of the last line
            parse_math=False,
            zorder=3,
            gid=f"{gid}-label",
        )
        ax.add_artist(label)
