# Each target sets up .venv with the pinned dependencies if need be; see bootstrap.py.
PYTHON ?= python3

.PHONY: demo test test-slow lint bench clean

demo test test-slow lint bench:
	@$(PYTHON) bootstrap.py $@ $(ARGS)

clean:
	rm -rf .venv demo
