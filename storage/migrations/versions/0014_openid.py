"""OpenID Connect: answers of the provider are good once; what is looked up of a contact is found by an index"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import storage.schema

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "openid_answers",
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("at", storage.schema.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_openid_answers")),
    )
    op.create_index("ix_openid_answers_at", "openid_answers", ["at"])
    # Asked for each time that somebody looks at a contact.
    op.create_index("ix_links_merged_id", "links", ["merged_id"])
    op.create_index("ix_follow_ups_contact_id", "follow_ups", ["contact_id"])


def downgrade() -> None:
    op.drop_index("ix_follow_ups_contact_id", "follow_ups")
    op.drop_index("ix_links_merged_id", "links")
    op.drop_table("openid_answers")
