"""What the page says beside numbers."""

ABOUT = """\
One evaluation of the model and of all else that can be had without it: simple methods, and other people's. The same
sections, spots, genes, seeds and back-ends for all; [evaluation.md](evaluation.md) says how each number is computed.
`make compare` wrote this page; nothing in it is edited by hand."""

ABOUT_PEERS = """\
Other people's methods are fitted to each section itself, without its labels, by the settings of their authors'
tutorials, most of which are of DLPFC sections; what is taken from each is in
[benchmarks/peers](../benchmarks/peers/README.md). All are given the number of domains when these are found; SpaGCN
is told it while it trains. One training seed a method: another moves scores, too."""

ABOUT_VERDICTS = """\
*Better* and *worse* mean by more than the spreads of both together (the root of the sum of their squares); *alike*
is the rest."""

ABOUT_DOMAINS = """\
Refined adjusted Rand index against experts' labels. ± is the standard deviation over {n_seeds} seeds of the
clustering; a mean is given of methods that have all sections, and a dash stands for what was not measured."""

ABOUT_VOTES = """\
The same, where twelve mixtures vote instead of one: what the viewer and `stimg domains` do. Every method's embedding is
given the same vote."""

ABOUT_LABELS = """\
Accuracy at labelled spots that were not told, from ten blobs of 10 spots a label, painted as in the viewer. ± is the
standard deviation over {n_scribbles} repeats, most of it that of the scribbles: these are the same for all methods,
so *alike* is said too often rather than too seldom."""

ABOUT_HOLES = """\
{n_squares} squares of each side, one after the other, and scattered spots at once. Gain in squared error over the
slide's mean, in percent, averaged over sections that have room for such holes. Other people's methods here cannot
fill holes: they give a vector for a spot that was measured, and say nothing of one that was not. So the model stands
beside simple methods alone."""

ABOUT_CEILINGS = """\
Of the variance of log expression a part is no counting noise (*explainable*, told by splitting each spot's molecules
at random). Of this a part follows from a spot's own number of counts, and a part is shared with its six nearest. What
a spot has for itself no surroundings tell, so what is shared is about the most that any method can explain of a lone
hidden spot, and less of a large hole. Last, what is explained, from the worst to the best way of hiding."""

ABOUT_COSTS = """\
Seconds a section. Those of other people's methods are from counts to the embedding, with the import of the package,
those of the project's own rows from counts to the domains of one seed. Elapsed seconds also count what else the
machine did meanwhile; CPU seconds do not, and were taken of other people's methods alone. Memory is the highest of
the whole process, averaged over sections. Threads: {threads} (other people's methods)."""

ABOUT_STUDIES = """\
Domains (ARI, NMI) and accuracies as above; random 20 % tells a fifth of all labelled spots, most of whose neighbours
are then known. Hidden spots: means over all ways of hiding. Absolute errors (MAE) are lowest for medians, which are
zero for most genes: they rank zeros first. Of several sections of a study, means."""
