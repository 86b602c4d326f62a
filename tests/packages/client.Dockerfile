# Microsoft's SDK for Python, with the locked packages of this directory.
FROM python:3.11-slim-bookworm
WORKDIR /client
COPY requirements.txt client.py ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: --no-deps -r requirements.txt
ENTRYPOINT ["python", "-B", "client.py"]
