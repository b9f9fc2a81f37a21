"""`python -m cli`, which is also what torchrun starts."""

from cli.main import main

if __name__ == "__main__":
    main()
