MODEL = "fast"
