"""One line for one running task: what it does, how far it is, and a button that stops it."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QProgressBar, QToolButton, QWidget

from napari_stimg._widgets.forms import column, row
from napari_stimg._widgets.workers import TaskRunner
from napari_stimg.progress import Progress


class TaskView(QWidget):
    """Shows a `TaskRunner`'s task while it runs; gone otherwise.

    Signals
    -------
    cancel_requested
        The task is to stop.
    """

    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = QLabel()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.cancel = QToolButton()
        self.cancel.setText("✕")
        self.cancel.setToolTip("Cancel")
        self.cancel.clicked.connect(lambda *_: self.cancel_requested.emit())
        self.setLayout(column(row(self.label, self.cancel, stretch=0), self.bar, margin_px=4))
        self.hide()

    def follow(self, runner: TaskRunner) -> None:
        """Show this runner's tasks, and stop them when asked to."""
        runner.started.connect(self._on_started)
        runner.progressed.connect(self._on_progressed)
        runner.ended.connect(self.hide)
        self.cancel_requested.connect(runner.cancel)

    def _on_started(self, title: str) -> None:
        self.bar.setRange(0, 0)
        self.label.setText(f"{title} …")
        self.show()

    def _on_progressed(self, progress: Progress) -> None:
        self.bar.setUpdatesEnabled(False)  # else Qt draws the whole window at once, canvas and all, at every step
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)
        self.bar.setUpdatesEnabled(True)
        share = f", {100 * progress.done // progress.total} %" if progress.total else ""
        self.label.setText(f"{progress.message} …{share}")
