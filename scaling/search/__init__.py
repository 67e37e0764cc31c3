"""Search for compound coefficients: propose shares of cost, realise, train, tell."""
