module standin/ryuk

go 1.22
