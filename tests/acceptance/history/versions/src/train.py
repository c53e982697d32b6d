MODEL = "slow"
