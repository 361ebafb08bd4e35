"""All measurements: `python -m benchmarks`."""

from benchmarks import main_path, startup, sustained

if __name__ == "__main__":
    startup.main([])
    main_path.main([])
    sustained.main([])
    sustained.main(["--postgresql"])
