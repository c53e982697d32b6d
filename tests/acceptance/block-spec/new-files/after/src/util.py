UTIL = True
