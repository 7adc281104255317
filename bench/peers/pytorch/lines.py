"""How a peer hears the bench's questions and answers them: JSON lines on stdin and stdout."""
import json
import sys


class Server:
    def serve(self):
        """One JSON object a line: {"id", "do", ...arguments} in, {"id", "ok"} or {"id", "error"} out."""
        for line in sys.stdin:
            request = json.loads(line)
            asked, call = request.pop("id"), getattr(self, request.pop("do"))
            try:
                answer = {"id": asked, "ok": call(**request)}
            except Exception as error:  # whatever it is, the bench must hear of it
                answer = {"id": asked, "error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)
