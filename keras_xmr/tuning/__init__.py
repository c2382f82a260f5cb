"""Settings for a data set, chosen on what is no test part."""
