"""All measurements: `python -m benchmarks`."""

from benchmarks import main_path, startup, sustained_load

if __name__ == "__main__":
    startup.main([])
    main_path.main([])
    sustained_load.main([])
    sustained_load.main(["--postgresql"])
