"""The commands of peakctl, one file each: flags and words, and what they call in `operations`."""
