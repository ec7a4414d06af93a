"""The thresholds from which the facts of a timing record make a warning.

Rules look them up here each time they judge. They belong to collecting alone: to change one changes no record.
"""

from bakeoff.measure import disturbance

OTHER_CORES = disturbance.OTHER_CORES
"""A machine counts as noisy where other processes took more than so much of a CPU from those that were measured on, or
the hypervisor more than STEAL_CORES. Measuring goes by the same limits."""
GPU_OTHER_CORES = disturbance.GPU_OTHER_CORES
STEAL_CORES = disturbance.STEAL_CORES

OTHER_CPU_SHARE = 0.05
"""The same for records that know only shares of the machine. A CPU study's machine counts as noisy above this share of
its CPU time in other processes."""
GPU_OTHER_CPU_SHARE = 0.5
"""The same for a study on a GPU. A GPU needs one core of the host only, and the other processes include those of the
next targets, which start up meanwhile."""
STEAL_SHARE = 0.02
"""A machine counts as noisy above this share of CPU time taken by the hypervisor. It is smaller than the share of other
processes because the hypervisor interrupts the measured process itself."""

DRIFT = 0.01
"""Latency drifts where its level moves by more than this fraction within a round, and by more than chance explains."""
THROTTLED_SHARE = 0.05
"""A GPU counts as throttled where its power or heat limit slowed it down for more than this share of the timing."""

FEW_SAMPLES = 20
"""With fewer samples than this, the 95 % interval of the median spans more than half of the sample."""
SHORT_MS = 0.01
"""Reading the clock twice and calling `run` takes about 0.1 µs, which is more than 1 % of an inference shorter than
this."""
HOST_BOUND = 0.7
"""The GPU waits for the host where its own time is less than this share of the latency, and the call takes more than
this share of it."""
ROUNDS_APART = 0.05
"""Rounds disagree where the largest of their medians is more than this fraction above the smallest."""

BIMODAL_SAMPLES = 100
"""Fewer samples than this are too few to tell two modes from chance."""
BIMODAL_SHARE = 0.2
"""A second mode needs at least this share of the samples. Fewer are interruptions and not a second speed."""
BIMODAL_D = 4.5
"""Ashman's D between two modes is larger than this. The two halves of a normal sample have a D of 2.7, those of a
uniform sample 3.5, and two clearly parted modes more than 5."""
BIMODAL_GAP = 0.03
"""Two modes whose distance is less than this fraction of the median are not worth a warning."""
