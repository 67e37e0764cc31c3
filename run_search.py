"""The main job: search compound coefficients by proxy training, resume, tabulate, draw.

python run_search.py [--config experiments/NAME.toml] [--output DIR] [--set key=value …] [--fresh]
"""

from scaling.cli.search import main

if __name__ == "__main__":
    main()
