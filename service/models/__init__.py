"""Models as bytes with a hash: which ones there are, how they get here, and the adapters that run them.

Importing this package or any module of it loads neither torch, LangChain nor llama.cpp; each adapter imports what it needs on first use.
"""
