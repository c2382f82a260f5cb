"""The methods, one paper at a place: a file, or a folder where a paper needs several.

All of them are exported by `keras_xmr`; nothing is imported here, since some need no Keras.
"""
