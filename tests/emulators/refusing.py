"""A mail server that knows nobody, and says so by name."""


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        return f"550 5.1.1 <{address}>: Recipient address rejected"
