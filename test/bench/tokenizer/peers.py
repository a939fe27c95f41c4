"""One measurement of a peer: peers.py PEER train TEXTS.jsonl | encode TEXTS.jsonl TOKENIZER.json"""

import json
import resource
import sys
import time


def texts(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["text"]


def report(name, seconds, megabytes=None):
    if megabytes is None:
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"name": name, "seconds": seconds, "megabytes": megabytes}))


def train(peer, path):
    start = time.perf_counter()
    if peer == "tokenizers":
        from tokenizers import Regex, Tokenizer, __version__, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Metaspace(prepend_scheme="first"), pre_tokenizers.Split(Regex("\n+"), "isolated")]
        )
        trainer = trainers.BpeTrainer(vocab_size=31980, limit_alphabet=113, special_tokens=["<unk>"], show_progress=False)
        tokenizer.train_from_iterator(texts(path), trainer)
        report(f"PyPI tokenizers {__version__} (Rust)", time.perf_counter() - start)


def encode(peer, path, tokenizer_json):
    documents = list(texts(path))
    megabytes = sum(len(text.encode()) for text in documents) / 1e6
    if peer == "tokenizers":
        from tokenizers import Tokenizer, __version__

        tokenizer = Tokenizer.from_file(tokenizer_json)
        documents = documents[: len(documents) // 10]
        megabytes = sum(len(text.encode()) for text in documents) / 1e6
        start = time.perf_counter()
        for text in documents:
            tokenizer.encode(text, add_special_tokens=False)
        report(f"PyPI tokenizers {__version__} (Rust)", time.perf_counter() - start, megabytes)
    elif peer == "sentencepiece":
        import io

        import sentencepiece

        model = io.BytesIO()
        lines = (line for text in documents for line in text.split("\n") if 0 < len(line) < 4000)
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines, model_writer=model, vocab_size=16000, model_type="bpe", input_sentence_size=50000, shuffle_input_sentence=True, num_threads=2, minloglevel=2
        )
        processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        start = time.perf_counter()
        for text in documents:
            processor.encode(text)
        report(f"SentencePiece {sentencepiece.__version__}, its own 16,000 tokens", time.perf_counter() - start, megabytes)
    elif peer == "tiktoken":
        import tiktoken

        ranks = {bytes([byte]): byte for byte in range(256)}
        with open(tokenizer_json, encoding="utf-8") as file:
            for token in json.load(file)["model"]["vocab"]:
                ranks.setdefault(token.replace("▁", " ").encode(), len(ranks))
        encoding = tiktoken.Encoding("apt3", pat_str=r"\n+| ?[^ \n]+| ", mergeable_ranks=ranks, special_tokens={})
        start = time.perf_counter()
        for text in documents:
            encoding.encode_ordinary(text)
        report(f"tiktoken {tiktoken.__version__}, the same tokens", time.perf_counter() - start, megabytes)


if __name__ == "__main__":
    peer, what, *paths = sys.argv[1:]
    {"train": train, "encode": encode}[what](peer, *paths)
