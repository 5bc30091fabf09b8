# Each target sets up .venv with the pinned dependencies if need be; see bootstrap.py.
# PYTHON=... names the Python to start with, ARGS=... passes arguments on to the task.
PYTHON ?= $(shell command -v python3 || command -v python || echo python3)

.PHONY: demo test test-slow lint bench clean

demo test test-slow lint bench:
	@"$(PYTHON)" bootstrap.py $@ $(ARGS)

clean:
	rm -rf .venv demo
