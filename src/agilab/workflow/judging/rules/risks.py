"""Rules about what code does to the world outside."""

from __future__ import annotations

from agilab.workflow.judging.rules.rule import Rule, lab

RISKS = (
    Rule(
        "AGI-STAGE-080",
        "warning",
        name="It runs other programs",
        why="Another machine may not have them, and what they do is not seen, hashed or undone.",
        mend="Use a Python library, or make sure that the program is part of the environment.",
        bad=lab("""
            [[stages]]
            id = "go"
            code = '''
            import os
            os.system("rm -rf out")
            '''
        """),
        good=lab("""
            [[stages]]
            id = "go"
            code = '''
            import shutil
            shutil.which("rm")
            '''
        """),
    ),
    Rule(
        "AGI-STAGE-081",
        "warning",
        name="It runs text as code",
        why=(
            "What exec and eval will do cannot be told before; text from a file or the network may be "
            "anybody's."
        ),
        mend="Call a function, look up a dict, or read data with json or ast.literal_eval.",
        bad=lab("""
            [[stages]]
            id = "go"
            code = '''
            text = "1 + 1"
            x = eval(text)
            '''
        """),
        good=lab("""
            [[stages]]
            id = "go"
            code = '''
            import ast
            x = ast.literal_eval("[1, 2]")
            '''
        """),
    ),
    Rule(
        "AGI-STAGE-082",
        "warning",
        name="It unpickles a file",
        why="A pickle is a program: whoever wrote the file decides what happens when it is read.",
        mend="Read parquet, npy or JSON; hand values over as outputs and inputs.",
        bad=lab("""
            [[stages]]
            id = "go"
            code = '''
            import pickle
            with open("m.pkl", "rb") as file:
                model = pickle.load(file)
            '''
        """),
        good=lab("""
            [[stages]]
            id = "go"
            code = '''
            import json
            with open("m.json") as file:
                model = json.load(file)
            '''
        """),
    ),
    Rule(
        "AGI-STAGE-083",
        "warning",
        name="It uses the network",
        why="What comes from there may be another thing tomorrow, so the result cannot be had again.",
        mend="Fetch once, keep the file in the lab or a data root, and declare it as an input.",
        bad=lab("""
            [[stages]]
            id = "go"
            code = '''
            import pandas as pd
            t = pd.read_csv("https://example.org/t.csv")
            '''
        """),
        good=lab("""
            [[stages]]
            id = "go"
            code = '''
            import pandas as pd
            t = pd.read_csv("data/t.csv")
            '''
        """),
    ),
    Rule(
        "AGI-STAGE-084",
        "warning",
        name="An absolute path in the code",
        why=(
            "It is there on one machine. A file that is read so is no declared input, so no change of it "
            "is seen."
        ),
        mend="Use a relative path and declare it.",
        bad=lab("""
            [[stages]]
            id = "go"
            code = '''
            table = open("/home/ana/t.csv")
            '''
        """),
        good=lab("""
            [[stages]]
            id = "go"
            code = '''
            table = open("data/t.csv")
            '''
        """),
    ),
    Rule(
        "AGI-STAGE-085",
        "warning",
        name="It deletes, or leaves its folder",
        why=(
            "A stage works in an empty folder of its own, which is cleared afterwards. Climbing out of "
            "it, or deleting, touches what belongs to others; and what lies above is not there."
        ),
        mend="Stay below the folder and declare inputs and outputs; for ../data put the lab above and set workdir.",
        bad=lab("""
            [[stages]]
            id = "go"
            code = '''
            import shutil
            shutil.rmtree("../cache")
            '''
        """),
        good=lab("""
            [[stages]]
            id = "go"
            code = '''
            import os
            os.makedirs("cache", exist_ok=True)
            '''
        """),
    ),
    Rule(
        "AGI-STAGE-086",
        "warning",
        name="A secret in the lab",
        why="Whoever gets the lab or its log gets the secret. For a param, manifest and MLflow have ••• instead.",
        mend='Read it where it is used: os.environ["NAME"].',
        bad=lab("""
            [[stages]]
            id = "go"
            code = '''
            password = "hunter2hunter2"
            '''
        """),
        good=lab("""
            [[stages]]
            id = "go"
            code = '''
            import os
            password = os.environ["PASSWORD"]
            '''
        """),
    ),
    Rule(
        "AGI-STAGE-087",
        "warning",
        name="It asks a person",
        why="A worker has no keyboard: the stage would fail at once, or wait for ever.",
        mend="Make it one of the lab's params.",
        bad=lab("""
            [[stages]]
            id = "go"
            code = '''
            name = input("Who? ")
            '''
        """),
        good=lab("""
            [[stages]]
            id = "go"
            code = '''
            name
            '''
            inputs = ["name"]

            [lab.params]
            name = "Ana"
        """),
    ),
)
