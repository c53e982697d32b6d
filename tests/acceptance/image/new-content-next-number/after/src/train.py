print("train faster")
