"""A labelling campaign on disk: a pool, what is known of it, and the rounds of questions."""

from ddal_jax.campaign.campaign import Campaign as Campaign
from ddal_jax.campaign.errors import NothingLeft as NothingLeft
from ddal_jax.campaign.ingestion import Ingested as Ingested
from ddal_jax.campaign.ingestion import Undone as Undone
