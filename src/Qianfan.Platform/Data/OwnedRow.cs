namespace Qianfan.Platform.Data;

/// <summary>What all resources have: two ids, an owner, a time.</summary>
internal abstract class OwnedRow
{
    /// <summary>The integer id that older clients use.</summary>
    public int Id { get; set; }

    /// <summary>The text id, such as <c>task-...</c>.</summary>
    public required string PublicId { get; set; }

    /// <summary>Nothing is visible to another owner.</summary>
    public required string OwnerId { get; set; }

    public DateTimeOffset CreatedAt { get; set; }
}

/// <summary>Queries that every feature asks.</summary>
internal static class OwnedRows
{
    /// <summary>The owner's row with an id in either form.</summary>
    public static IQueryable<T> Of<T>(this IQueryable<T> rows, string ownerId, string id) where T : OwnedRow
    {
        var number = ParseId(id);
        return rows.Where(row => row.OwnerId == ownerId && (row.PublicId == id || row.Id == number));
    }

    /// <summary>The integer form, or -1, which no row has.</summary>
    public static int ParseId(string id) =>
        int.TryParse(id, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : -1;
}
