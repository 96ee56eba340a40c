using System.Text.Json;

namespace LocalBloom.AI.Text;

/// <summary>A value of a JSON file that knows where it stands, so that complaints about it can say so.</summary>
internal readonly struct LocatedJson(string file, string place, JsonElement element)
{
    /// <summary>Gets a value indicating whether the value is missing or <c>null</c>.</summary>
    public bool IsNull => element.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    /// <summary>Gets a value indicating whether the value is an array.</summary>
    public bool IsArray => element.ValueKind == JsonValueKind.Array;

    /// <summary>Gets a member of an object; a missing one is null.</summary>
    public LocatedJson this[string name] =>
        new(file, $"{place}.{name}".TrimStart('.'), IsObject && element.TryGetProperty(name, out JsonElement value) ? value : default);

    private bool IsObject => element.ValueKind == JsonValueKind.Object;

    /// <summary>Gets an item of an array, in time that grows with <paramref name="index"/>: not for loops.</summary>
    public LocatedJson At(int index) => new(file, $"{place}[{index}]", element[index]);

    /// <summary>Gets an array's items with their places.</summary>
    public IEnumerable<LocatedJson> LocatedItems()
    {
        (string inFile, string array) = (file, place); // a lambda cannot capture a struct's own
        return Items().Select((item, index) => new LocatedJson(inFile, $"{array}[{index}]", item));
    }

    /// <summary>Gets the text of a string.</summary>
    public string Text() => element.ValueKind == JsonValueKind.String ? element.GetString()! : throw Error("is no string");

    /// <summary>Gets the text of a string, or <see langword="null"/> where there is none.</summary>
    public string? TextOrNull() => element.ValueKind == JsonValueKind.String ? element.GetString() : null;

    /// <summary>Tells whether the value is <c>true</c>; a missing one is <c>false</c>.</summary>
    public bool IsTrue() => element.ValueKind == JsonValueKind.True;

    /// <summary>Tells whether the value is <c>false</c>; a missing one is not.</summary>
    public bool IsFalse() => element.ValueKind == JsonValueKind.False;

    /// <summary>Gets a whole number.</summary>
    public int Integer() =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int value) ? value : throw Error("is no whole number");

    /// <summary>Gets the number of an array's items.</summary>
    public int Length() => IsArray ? element.GetArrayLength() : throw Error("is no array");

    /// <summary>Gets an array's items.</summary>
    public JsonElement.ArrayEnumerator Items() => IsArray ? element.EnumerateArray() : throw Error("is no array");

    /// <summary>Gets the number of an object's members.</summary>
    public int MemberCount() => IsObject ? element.GetPropertyCount() : throw Error("is no object");

    /// <summary>Gets an object's members.</summary>
    public JsonElement.ObjectEnumerator Members() => IsObject ? element.EnumerateObject() : throw Error("is no object");

    /// <summary>Makes an error about this value.</summary>
    /// <param name="problem">What is wrong, as the end of a sentence whose subject is the value's place.</param>
    public CheckpointException Error(string problem) => new(file, $"{place} {problem}.");
}
