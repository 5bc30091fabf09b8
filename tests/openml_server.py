"""A made-up OpenML that answers as the real one does, below the HTTP layer."""

import gzip
import hashlib
import io
import json
import urllib.error
import urllib.parse

import numpy as np

from ddal_jax.data import openml

HEIGHT, WIDTH, CHANNELS = 4, 5, 3
IMAGES = openml.Source(
    name="small-svhn",
    data_id=41081,
    num_train=12,
    num_test=6,
    shape=(HEIGHT, WIDTH, CHANNELS),
    file_labels=(10, 1, 2),
    train_counts=(4, 4, 4),
    num_points=9,
)
TABLE = openml.Source(
    name="small-poker",
    data_id=155,
    num_train=60,
    num_test=0,
    shape=(3,),
    file_labels=(0, 1),
    num_points=30,
    num_drawn=20,
)


class Response(io.BytesIO):
    """A compressed answer, as far as scikit-learn looks at it."""

    def info(self):
        return {"Content-Encoding": "gzip"}


class Server:
    """Answers as OpenML does, for one data set; counts the questions."""

    def __init__(self, source, names, types, rows):
        header = ["@RELATION data", *(f"@ATTRIBUTE {n} {t}" for n, t in zip(names, types, strict=True)), "@DATA"]
        arff = "\n".join([*header, *(",".join(map(str, row)) for row in rows), ""]).encode()
        nominal = [not kind.isalpha() for kind in types]
        features = [
            {
                "index": str(index), "name": name, "data_type": "nominal" if nominal[index] else "numeric",
                "is_target": "true" if name == "class" else "false", "is_ignore": "false",
                "is_row_identifier": "false", "number_of_missing_values": "0",
            }
            for index, name in enumerate(names)
        ]  # fmt: skip
        description = {
            "id": str(source.data_id), "name": source.name, "version": "1", "description": source.name,
            "format": "ARFF", "status": "active", "file_id": "7", "default_target_attribute": "class",
            "url": "https://www.openml.org/data/v1/download/7/data.arff", "md5_checksum": hashlib.md5(arff).hexdigest(),
        }  # fmt: skip
        qualities = [{"name": "NumberOfInstances", "value": str(float(len(rows)))}]
        self.answers = {
            f"/api/v1/json/data/{source.data_id}": {"data_set_description": description},
            f"/api/v1/json/data/features/{source.data_id}": {"data_features": {"feature": features}},
            f"/api/v1/json/data/qualities/{source.data_id}": {"data_qualities": {"quality": qualities}},
        }
        self.arff = arff
        self.num_questions = 0

    def __call__(self, request, *args, **kwargs):
        self.num_questions += 1
        path = urllib.parse.urlparse(request.full_url).path
        body = self.arff if path.startswith("/data/v1/download/") else json.dumps(self.answers[path]).encode()
        return Response(gzip.compress(body))


def image_rows(by_channel=True, labels=(1, 2, 10)):
    """Smooth images that all differ, and their labels in turn."""
    rows, columns, channels = np.ogrid[:HEIGHT, :WIDTH, :CHANNELS]
    images = [9 * rows + 4 * columns + 70 * channels + index for index in range(18)]
    if by_channel:
        images = [image.transpose(2, 0, 1) for image in images]
    return [[*image.ravel().tolist(), labels[index % 3]] for index, image in enumerate(images)]


def image_server(rows):
    names = [*(f"a{i}" for i in range(HEIGHT * WIDTH * CHANNELS)), "class"]
    return Server(IMAGES, names, [*["INTEGER"] * (len(names) - 1), "{1,2,10}"], rows)


def table_rows():
    """Suits as nominal numbers, ranks already scaled, a class that alternates."""
    return [[1 + index % 4, index % 13 / 12, index, index % 2] for index in range(60)]


def unreachable(*args, **kwargs):
    raise urllib.error.URLError("no route to host")
