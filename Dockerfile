# COPY and the README's set-up, nothing else: what runs here runs the same outside.
FROM node:20-bookworm-slim AS node
FROM python:3.11-slim-bookworm

RUN apt-get update && apt-get install --yes --no-install-recommends make && rm -rf /var/lib/apt/lists/*
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm

WORKDIR /solvent
COPY . .
RUN make setup

EXPOSE 8080
ENV ETH_HASH_BACKEND=pysha3 SOLVENT_HOST=0.0.0.0
CMD [".venv/bin/solvent", "serve"]
