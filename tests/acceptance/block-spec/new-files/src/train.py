MODE = "train"
