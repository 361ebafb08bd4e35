"""All measurements: `python -m benchmarks`."""

from benchmarks import main_path, startup

if __name__ == "__main__":
    startup.main([])
    main_path.main([])
