"""How the model of the offline analyzer is made from phrases that this project wrote itself."""
