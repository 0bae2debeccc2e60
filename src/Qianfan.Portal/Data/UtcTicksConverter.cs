using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Qianfan.Portal.Data;

/// <summary>Times as UTC ticks: sortable and comparable in SQLite and PostgreSQL alike.</summary>
internal sealed class UtcTicksConverter() : ValueConverter<DateTimeOffset, long>(
    time => time.UtcTicks,
    ticks => new DateTimeOffset(ticks, TimeSpan.Zero));
