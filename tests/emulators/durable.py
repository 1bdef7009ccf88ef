"""The emulator, with queues and topics that are as Amazon's are after a power cut: what it has acknowledged is there.

By itself it writes its state down when it is asked to stop. Here it does so before each answer.
"""

from ministack import app as emulator
from ministack.core.persistence import save_all
from ministack.services import sns, sqs

answer = emulator.app


async def app(scope, receive, send):
    async def send_what_is_kept(message):
        if message["type"] == "http.response.start" and scope["method"] == "POST":
            # Queues first: what only the topic knew of would be dropped as a repetition when it comes again.
            save_all({"sqs": sqs.get_state, "sns": sns.get_state})
        await send(message)

    await answer(scope, receive, send_what_is_kept if scope["type"] == "http" else send)


emulator.app = app

if __name__ == "__main__":
    emulator.main()
