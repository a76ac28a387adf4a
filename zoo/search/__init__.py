"""Better hyperparameters for a model, looked for on several corpora: Ray Tune runs the trials, Optuna chooses them.

What a trial is judged by is validation music alone: the mean over the corpora of its nats per beat, divided by those of
the preset `tuned` on the same corpus. So 1 is `tuned`, 0.97 takes three hundredths of the nats away, and a corpus of
dense music weighs no more than one of thin music. `tuned` is the first trial; what comes out is never worse than it.
Only what belongs to network and training is searched: nats of another representation could not be compared.

Ray need not be installed for anything but the search itself.
"""
