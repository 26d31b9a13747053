"""The tables of `tagdesk_wagtail.models`."""

import uuid
from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """The first."""

    initial = True

    dependencies: ClassVar = [
        ("wagtailcore", "0098_apitoken"),
        migrations.swappable_dependency(settings.WAGTAIL_PAGE_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="PageTopics",
            fields=[
                (
                    "page",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="tagdesk_topics",
                        serialize=False,
                        to=settings.WAGTAIL_PAGE_MODEL,
                    ),
                ),
                ("due", models.DateTimeField(db_index=True, null=True)),
                ("trouble", models.TextField(blank=True)),
                ("model", models.CharField(blank=True, max_length=255)),
                ("topics", models.JSONField(default=list)),
                ("seen", models.JSONField(null=True)),
                ("refused", models.JSONField(default=list)),
                ("puts", models.PositiveIntegerField(default=0)),
            ],
            options={
                "verbose_name": "topics of a page",
                "verbose_name_plural": "topics of pages",
            },
        ),
        migrations.CreateModel(
            name="Correction",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("article", models.JSONField()),
                ("model", models.CharField(max_length=255)),
                ("given", models.JSONField()),
                ("before", models.JSONField()),
                ("after", models.JSONField()),
                ("editor", models.CharField(blank=True, max_length=255)),
                ("made", models.DateTimeField(auto_now_add=True)),
                ("trouble", models.TextField(blank=True)),
                (
                    "page",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.WAGTAIL_PAGE_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "correction not sent yet",
                "verbose_name_plural": "corrections not sent yet",
                "ordering": ["made"],
            },
        ),
    ]
