"""Why does a method rank as it does? Looks at its representations of the test part.

Everything takes representations, not a model: `encoded` holds those of each medium `(n, d)`, whose
rows are those of `part`. Media that only one of the two has are left out. `means` holds, for each
medium, the mean representation of the training items of each class `(classes, d)`, rows of NaN
where a class has none there.

Media are looked at in ordered pairs, as in `evaluate`: queries of one in the gallery of another.
Unlike there, items that are equally near share their ranks: half a rank each, where two are level.
Otherwise those with low row numbers would look like hubs, above all where codes are binary.
"""
